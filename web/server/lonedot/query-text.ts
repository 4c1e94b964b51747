// A search, or a part of one, as it is written.
import type { SearchQuery } from '../../../relay/inbox/search-query.ts';

export function queryText(query: SearchQuery): string {
  switch (query.kind) {
    case 'all':
      return query.of.map(inside).join(' ');
    case 'one':
      return query.of.map(inside).join(' OR ');
    case 'not':
      return `-${inside(query.of)}`;
    case 'text':
      return named(query.field, quoted(query.text));
    case 'address':
      return `${query.field}:=${query.address}`;
    case 'regex':
      return named(query.field, `/${query.source}/${query.ignoreCase ? 'i' : ''}`);
    case 'header':
      return `header:${query.name}${query.value === null ? '' : `=${quoted(query.value)}`}`;
    case 'recipient':
      return `rcpt:${query.pattern}`;
    case 'namespace':
      return `ns:${query.name}`;
    case 'tag':
      return `tag:${quoted(query.tag)}`;
    case 'is':
    case 'has':
      return `${query.kind}:${query.what}`;
    case 'after':
    case 'before':
      return `${query.kind}:${new Date(query.time).toISOString()}`;
    case 'larger':
    case 'smaller':
      return `${query.kind}:${query.bytes}`;
  }
}

function named(field: string, text: string): string {
  return field === 'any' ? text : `${field}:${text}`;
}

function inside(query: SearchQuery): string {
  const isGroup = (query.kind === 'all' || query.kind === 'one') && query.of.length > 1;
  return isGroup ? `(${queryText(query)})` : queryText(query);
}

function quoted(text: string): string {
  return /^[^\s"()]+$/.test(text) ? text : `"${text}"`;
}
