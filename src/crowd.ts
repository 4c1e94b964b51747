// Those that come and go by the thousands: the connections of a listener, the pairs of a proxy. An array, and no Map or
// Set: of those V8 makes a new table every few additions, and a table that has grown old keeps the next one alive, and
// so on, with all that ever was in them, until the next full collection. With short connections that was half of all
// garbage, copied and copied again.

export interface Member<T> {
  readonly one: T;
  /** Where it stands; -1 when it has left. */
  place: number;
}

export class Crowd<T> {
  private readonly members: Member<T>[] = [];

  get size(): number {
    return this.members.length;
  }

  join(one: T): Member<T> {
    const member = { one, place: this.members.length };
    this.members.push(member);
    return member;
  }

  /** A second time it changes nothing. */
  leave(member: Member<T>): void {
    const { place } = member;
    if (place === -1) return;
    member.place = -1;
    const last = this.members.pop()!;
    if (last === member) return;
    this.members[place] = last;
    last.place = place;
  }

  /** All that are here now, in no order. */
  all(): T[] {
    return this.members.map(({ one }) => one);
  }
}
