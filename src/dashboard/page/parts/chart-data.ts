export interface ChartSeries {
  readonly label: string;
  /** Name of a colour of the palette. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartMark {
  readonly at: number;
  readonly label: string;
}

export interface ChartData {
  readonly title: string;
  /** Beginning of each point, in epoch milliseconds. */
  readonly at: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly isStacked: boolean;
  readonly format: (value: number) => string;
  readonly marks?: readonly ChartMark[];
}
