// The rows of a list that is never loaded as a whole: places stay right whatever comes, goes and is hidden meanwhile.
import { expect } from 'chai';
import { Rows } from '../../../web/ui/list/rows.ts';

interface Mail {
  readonly ID: string;
  readonly Read?: boolean;
}

const mails = (...ids: string[]): Mail[] => ids.map((ID) => ({ ID }));

/** What is shown, newest first; `-` where nothing is loaded. */
function shown(rows: Rows<Mail>): string {
  return Array.from({ length: rows.length }, (_, index) => rows.at(index)?.ID ?? '-').join(' ');
}

function of(total: number, start: number, ...ids: string[]): Rows<Mail> {
  const rows = new Rows<Mail>();
  rows.reset(total);
  rows.place(start, mails(...ids), total, total);
  return rows;
}

describe('the rows of the list', () => {
  it('places what the server sends, counted from the newest', () => {
    expect(shown(of(6, 1, 'e', 'd'))).to.equal('- e d - - -');
  });

  it('puts new ones at the top and keeps the places of the others', () => {
    const rows = of(4, 0, 'd', 'c');
    expect(rows.arrive(mails('e', 'f'))).to.equal(true);
    expect(shown(rows)).to.equal('f e d c - -');
  });

  it('places an answer that was on its way while a new one came', () => {
    const rows = of(4, 0, 'd', 'c');
    rows.arrive(mails('e'));
    // Asked when there were four, answered as of then.
    rows.place(2, mails('b', 'a'), 4, 4);
    expect(shown(rows)).to.equal('e d c b a');
  });

  it('grows by an answer that knows of more', () => {
    const rows = of(3, 0, 'c', 'b');
    rows.place(0, mails('e', 'd', 'c'), 5, 3);
    expect(shown(rows)).to.equal('e d c b -');
  });

  it('forgets all others when an answer knows of fewer than there were', () => {
    const rows = of(5, 0, 'e', 'd', 'c', 'b', 'a');
    rows.place(2, mails('b', 'a'), 4, 5);
    expect(shown(rows)).to.equal('- - b a');
  });

  it('does not count a mail twice that is there already', () => {
    const rows = of(3, 0, 'c', 'b', 'a');
    expect(rows.arrive(mails('c', 'd'))).to.equal(true);
    expect(shown(rows)).to.equal('d c b a');
  });

  it('says when it cannot know whether a new one is counted', () => {
    expect(of(3, 1, 'b').arrive(mails('c'))).to.equal(false);
  });

  it('takes out what is deleted, and says when it was not loaded', () => {
    const rows = of(5, 0, 'e', 'd', 'c');
    expect(rows.remove(new Set(['d']))).to.equal(true);
    expect(shown(rows)).to.equal('e c - -');
    expect(rows.remove(new Set(['a']))).to.equal(false);
  });

  it('hides and shows again, in the same place', () => {
    const rows = of(5, 0, 'e', 'd', 'c', 'b', 'a');
    rows.hide(['d', 'b']);
    expect(shown(rows)).to.equal('e c a');
    expect(rows.indexOf('a')).to.equal(2);
    expect(rows.indexOf('d')).to.equal(-1);
    expect(rows.stored).to.equal(5);
    rows.arrive(mails('f'));
    expect(shown(rows)).to.equal('f e c a');
    rows.show(['d']);
    expect(shown(rows)).to.equal('f e d c a');
  });

  it('keeps hidden what is loaded again', () => {
    const rows = of(3, 0, 'c', 'b', 'a');
    rows.hide(['b']);
    rows.reset(3);
    rows.place(0, mails('c', 'b', 'a'), 3, 0);
    expect(shown(rows)).to.equal('c a');
  });

  it('asks for the smallest range with every hole, in the places of the server', () => {
    const rows = of(10, 0, 'j', 'i', 'h');
    rows.hide(['i']);
    expect(rows.missing(0, 1)).to.equal(undefined);
    expect(rows.missing(0, 4)).to.deep.equal({ start: 3, limit: 3 });
    expect(rows.missing(5, 100)).to.deep.equal({ start: 6, limit: 4 });
  });

  it('changes a row that is loaded', () => {
    const rows = of(2, 0, 'b');
    expect(rows.patch('b', { Read: true })).to.equal(true);
    expect(rows.get('b')).to.deep.equal({ ID: 'b', Read: true });
    expect(rows.patch('a', { Read: true })).to.equal(false);
  });
});
