// What a search asks for, as a tree: what the parser of the search language makes and the engines turn into SQL.

export type TextField =
  | 'any'
  | 'from'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'reply-to'
  /** Any of the five above. */
  | 'addressed'
  | 'subject'
  | 'message-id'
  | 'body';

export type SearchQuery =
  | { readonly kind: 'all'; readonly of: readonly SearchQuery[] }
  | { readonly kind: 'one'; readonly of: readonly SearchQuery[] }
  | { readonly kind: 'not'; readonly of: SearchQuery }
  /** A part of the text, whatever the case. */
  | { readonly kind: 'text'; readonly field: TextField; readonly text: string }
  /** An address, whole, whatever the case; `to:=a@b.example`. */
  | { readonly kind: 'address'; readonly field: TextField; readonly address: string }
  /** A JavaScript regular expression, with the flag i when asked for; `/x/i`, `subject:/x/`. */
  | { readonly kind: 'regex'; readonly field: TextField; readonly source: string; readonly ignoreCase: boolean }
  /** A header field with this name and, if given, a value that has this in it; `header:X-Run=17`. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string | null }
  /** A recipient of the envelope, whole, or with stars. */
  | { readonly kind: 'recipient'; readonly pattern: string }
  | { readonly kind: 'namespace'; readonly name: string }
  /** Exact, whatever the case. */
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'is'; readonly what: 'read' | 'unread' | 'tagged' }
  | { readonly kind: 'has'; readonly what: 'attachment' | 'inline' }
  /** Received at or after, or before; milliseconds. */
  | { readonly kind: 'after'; readonly time: number }
  | { readonly kind: 'before'; readonly time: number }
  | { readonly kind: 'larger'; readonly bytes: number }
  | { readonly kind: 'smaller'; readonly bytes: number };
