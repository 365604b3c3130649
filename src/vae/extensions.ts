/** Layers and objectives of the caller's, which a specification names as `{ type: 'own', name }`. */
import type { Extent, Layer, Site } from './layers/layer.js';
import type { Objective, ObjectiveSite } from './objectives/objective.js';

/**
 * Builds a layer for data of `extent`: its weights come from `site.weights` under `site.name`, its function is made of ops.
 * Called once a model.
 */
export type OwnLayer = (extent: Extent, site: Site, options: unknown) => Layer;

/** Builds an objective for the model of `site`. Called once a model. */
export type OwnObjective = (site: ObjectiveSite, options: unknown) => Objective;

/** The caller's code by the names that specifications use. */
export interface Extensions {
  readonly layers?: Readonly<Record<string, OwnLayer>>;
  readonly objectives?: Readonly<Record<string, OwnObjective>>;
}
