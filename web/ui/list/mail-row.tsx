// One row: from whom to whom, when, what about.
import type { Summary } from '../api-types.ts';
import { people, person, when, whenFull } from '../format.ts';
import { Icon } from '../parts/icon.tsx';

interface RowProps {
  /** Undefined while it is not loaded. */
  readonly row: Summary | undefined;
  readonly y: number;
  readonly index: number;
  readonly count: number;
  readonly now: Date;
  readonly isActive: boolean;
  readonly isOpen: boolean;
  readonly isChosen: boolean;
}

const TAGS_SHOWN = 2;

export function MailRow({ row, y, index, count, now, isActive, isOpen, isChosen }: RowProps) {
  const place = { transform: `translateY(${y}px)` };
  if (row === undefined) {
    return (
      <div class="row hole" role="option" aria-selected="false" aria-label="Not loaded yet" style={place}>
        <span class="bar" />
        <span class="bar long" />
      </div>
    );
  }
  const to = people(row.To) || people(row.Cc) || people(row.Bcc);
  const states = [!row.Read && 'unread', isActive && 'active', isOpen && 'open', isChosen && 'chosen'];
  return (
    <div
      id={`row-${row.ID}`}
      class={['row', ...states.filter(Boolean)].join(' ')}
      role="option"
      aria-selected={isChosen}
      aria-posinset={index + 1}
      aria-setsize={count}
      data-index={index}
      data-id={row.ID}
      style={place}
    >
      <span class="choose" title="Choose (x)">
        <span class="box">{isChosen && <Icon name="check" />}</span>
      </span>
      <span class="from">
        {!row.Read && <span class="off-screen">Unread. </span>}
        <span class="who">{person(row.From) || '(no sender)'}</span>
        {to !== '' && <span class="to"> to {to}</span>}
      </span>
      <time class="when" dateTime={row.Created} title={whenFull(row.Created)}>
        {when(row.Created, now)}
      </time>
      <span class="about">
        <span class="subject">{row.Subject || '(no subject)'}</span>
        {row.Snippet !== '' && <span class="snippet"> {row.Snippet}</span>}
      </span>
      {(row.Attachments > 0 || row.Tags.length > 0) && <Marks row={row} />}
    </div>
  );
}

function Marks({ row }: { row: Summary }) {
  const more = row.Tags.length - TAGS_SHOWN;
  return (
    <span class="marks">
      {row.Attachments > 0 && (
        <span class="mark" title={`${row.Attachments} attached`}>
          <Icon name="clip" />
          <span class="off-screen">{row.Attachments} attached</span>
        </span>
      )}
      {row.Tags.slice(0, TAGS_SHOWN).map((tag) => (
        <span class="tag" key={tag}>
          {tag}
        </span>
      ))}
      {more > 0 && <span class="tag">+{more}</span>}
    </span>
  );
}
