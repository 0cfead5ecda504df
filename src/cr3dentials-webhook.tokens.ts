/** The options with every default filled in. */
export const SETTINGS = Symbol('cr3dentials-webhook settings');

/** The options that are known before any provider exists, with every default filled in. */
export const EXTRAS = Symbol('cr3dentials-webhook extras');

/** The host's DataSource; undefined when it has none of that name. */
export const HOST_DATA_SOURCE = Symbol('cr3dentials-webhook host data source');
