/** How arrays go to the worker. */

/** Moves the arrays of the first argument to the worker instead of copying them; they are empty here afterwards. */
export interface Transfer {
  readonly transfer?: boolean;
}
