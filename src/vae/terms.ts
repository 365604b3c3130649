/** The terms of the bound as numbers, in nats per datum. */

/** elbo = reconstruction - beta * kl; log p(x) >= elbo when beta is 1 and the likelihood is one. */
export interface Terms {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
}

/** Mean of terms weighted by rows, accumulated in float64. */
export class TermsMean {
  #rows = 0;
  #elbo = 0;
  #reconstruction = 0;
  #kl = 0;

  add({ elbo, reconstruction, kl }: Terms, rows: number): void {
    this.#rows += rows;
    this.#elbo += rows * elbo;
    this.#reconstruction += rows * reconstruction;
    this.#kl += rows * kl;
  }

  get rows(): number {
    return this.#rows;
  }

  /** NaN in every term when nothing was added. */
  get mean(): Terms {
    const rows = this.#rows;
    return { elbo: this.#elbo / rows, reconstruction: this.#reconstruction / rows, kl: this.#kl / rows };
  }
}
