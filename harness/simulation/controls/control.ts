/** A fault that the module once had, or that its design excludes. The simulation must find it. */
export interface Control {
  readonly name: string;
  /** Puts the fault in. Returns what takes it out again. */
  apply(): () => void;
}
