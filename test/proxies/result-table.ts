// Prints what the clients of a test observed, as a table. It does not judge it.

export class ResultTable {
  readonly #titles: readonly string[];
  readonly #rows: (readonly string[])[] = [];

  constructor(...titles: readonly string[]) {
    this.#titles = titles;
  }

  add(...cells: readonly string[]): void {
    this.#rows.push(cells);
  }

  /** Prints the rows, sorted, below `heading`. */
  print(heading: string): void {
    const rows = [this.#titles, ...this.#rows];
    const widths = this.#titles.map((_title, column) => Math.max(...rows.map((row) => row[column]!.length)));
    const lines = rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
    console.log([heading, ...lines].join("\n"));
  }
}
