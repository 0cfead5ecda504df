/** Choices of the viewer, kept in this browser. They are never data of deliveries. */
export interface Preferences {
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: 'local' | 'utc';
  /** Seconds between two polls; 0 is off. */
  readonly refresh: number;
  readonly isKeyboardOn: boolean;
  /** Columns of the list of deliveries that are not shown. */
  readonly hiddenColumns: readonly string[];
}
