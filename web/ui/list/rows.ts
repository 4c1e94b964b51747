// The rows of a list that is too long to be loaded: what is known of it, by place, and the rest as holes. No requests,
// no page: see mailbox.ts.
//
// Kept oldest first, because a place counted from the oldest mail stays what it is while new mail comes in: a new one is
// appended, and the answer to a request that was on its way meanwhile still says where it belongs. `at`, `indexOf` and
// `missing` count from the newest, as the list shows it, and leave out what is hidden (deleted, but not for good yet).

export interface Row {
  readonly ID: string;
}

export interface Gap {
  /** How many newer ones to leave out. */
  readonly start: number;
  readonly limit: number;
}

export class Rows<R extends Row> {
  #kept: (R | undefined)[] = [];
  readonly #hidden = new Set<string>();
  /** Places of the hidden ones, newest first; null when they have to be looked for again. */
  #holes: number[] | null = [];

  /** How many there are to show. */
  get length(): number {
    return this.#kept.length - this.#found().length;
  }

  /** How many the server has, as far as we know. */
  get stored(): number {
    return this.#kept.length;
  }

  at(index: number): R | undefined {
    return this.#kept[this.#placeOf(index)];
  }

  /** -1 when it is not loaded, or hidden. */
  indexOf(id: string): number {
    const place = this.#find(id);
    if (place < 0 || this.#hidden.has(id)) return -1;
    const newer = this.#found().filter((hole) => hole > place).length;
    return this.#kept.length - 1 - place - newer;
  }

  get(id: string): R | undefined {
    return this.#kept[this.#find(id)];
  }

  /** Forgets all; `total` holes remain. */
  reset(total: number): void {
    this.#kept = new Array<R | undefined>(total);
    this.#holes = null;
  }

  /** An answer of the server's: these stand behind `start` newer ones, of `total`. */
  place(start: number, rows: readonly R[], total: number, asked: number): void {
    // Fewer than when it was asked: some are gone, and nobody knows from where.
    if (total < asked) this.reset(total);
    else while (this.#kept.length < total) this.#kept.push(undefined);
    rows.forEach((row, i) => {
      const place = total - 1 - start - i;
      if (place >= 0) this.#kept[place] = row;
    });
    this.#holes = null;
  }

  /** New ones, in the order in which they came. False when it is not sure that they are not counted already. */
  arrive(rows: readonly R[]): boolean {
    const newest = this.#kept.at(-1);
    if (this.#kept.length > 0 && newest === undefined) return false;
    const known = new Set(this.#kept.slice(-500).map((row) => row?.ID));
    for (const row of rows) if (!known.has(row.ID)) this.#kept.push(row);
    return true;
  }

  /** False when one of them is not loaded, so that all places may be wrong now. */
  remove(ids: ReadonlySet<string>): boolean {
    const before = this.#kept.length;
    let left = ids.size;
    // Not filter(): it would fill the holes out of the array.
    const kept: (R | undefined)[] = [];
    for (let place = 0; place < before; place++) {
      const row = this.#kept[place];
      if (row !== undefined && ids.has(row.ID)) left--;
      else kept.push(row);
    }
    this.#kept = kept;
    for (const id of ids) this.#hidden.delete(id);
    this.#holes = null;
    return left === 0;
  }

  /** False when it is not loaded. */
  patch(id: string, change: Partial<R>): boolean {
    const place = this.#find(id);
    const row = this.#kept[place];
    if (row === undefined) return false;
    this.#kept[place] = { ...row, ...change };
    return true;
  }

  /** Changes every row that is loaded. */
  patchAll(change: Partial<R>): void {
    this.#kept.forEach((row, place) => {
      if (row !== undefined) this.#kept[place] = { ...row, ...change };
    });
  }

  hide(ids: Iterable<string>): void {
    for (const id of ids) this.#hidden.add(id);
    this.#holes = null;
  }

  show(ids: Iterable<string>): void {
    for (const id of ids) this.#hidden.delete(id);
    this.#holes = null;
  }

  isHidden(id: string): boolean {
    return this.#hidden.has(id);
  }

  /** The smallest range of the server's that has every hole between these two indexes; undefined when there is none. */
  missing(from: number, to: number): Gap | undefined {
    let first = -1;
    let last = -1;
    for (let index = Math.max(0, from); index <= Math.min(to, this.length - 1); index++) {
      const place = this.#placeOf(index);
      if (this.#kept[place] !== undefined) continue;
      if (first < 0) first = place;
      last = place;
    }
    if (first < 0) return undefined;
    return { start: this.#kept.length - 1 - first, limit: first - last + 1 };
  }

  #placeOf(index: number): number {
    let place = this.#kept.length - 1 - index;
    for (const hole of this.#found()) {
      if (hole < place) break;
      place--;
    }
    return place;
  }

  #find(id: string): number {
    // Most often one of the newest is meant.
    for (let place = this.#kept.length - 1; place >= 0; place--) if (this.#kept[place]?.ID === id) return place;
    return -1;
  }

  #found(): readonly number[] {
    if (this.#holes === null) {
      this.#holes = [];
      if (this.#hidden.size > 0) {
        for (let place = this.#kept.length - 1; place >= 0; place--) {
          const row = this.#kept[place];
          if (row !== undefined && this.#hidden.has(row.ID)) this.#holes.push(place);
        }
      }
    }
    return this.#holes;
  }
}
