/** Where one of them stands; it is the key to {@link WaitingLine.leave}. */
export interface Place<Item> {
  readonly item: Item;
  before: Place<Item> | undefined;
  behind: Place<Item> | undefined;
  isTaken: boolean;
}

/** First come, first served; whoever waits may leave. No step takes longer when more of them wait. */
export class WaitingLine<Item> implements Iterable<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The place of the first; `behind` leads on. */
  get firstPlace(): Place<Item> | undefined {
    return this.#first;
  }

  get last(): Item | undefined {
    return this.#last?.item;
  }

  enter(item: Item): Place<Item> {
    const place: Place<Item> = { item, before: this.#last, behind: undefined, isTaken: true };
    if (this.#last === undefined) this.#first = place;
    else this.#last.behind = place;
    this.#last = place;
    this.#length++;
    return place;
  }

  /** `false` where it has left already. */
  leave(place: Place<Item>): boolean {
    if (!place.isTaken) return false;
    place.isTaken = false;
    if (place.before === undefined) this.#first = place.behind;
    else place.before.behind = place.behind;
    if (place.behind === undefined) this.#last = place.before;
    else place.behind.before = place.before;
    place.before = undefined;
    place.behind = undefined;
    this.#length--;
    return true;
  }

  /** Takes the first one out. */
  shift(): Item | undefined {
    const place = this.#first;
    if (place !== undefined) this.leave(place);
    return place?.item;
  }

  /** Takes all of them out, in their order. */
  takeAll(): Item[] {
    const items = [...this];
    while (this.#first !== undefined) this.leave(this.#first);
    return items;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    for (let place = this.#first; place !== undefined; place = place.behind) yield place.item;
  }
}
