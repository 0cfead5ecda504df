import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import type { DeliveryRecord } from './delivery-record.queries.js';
import { DeliverySearchQueries, type DeliverySearch } from './delivery-search.queries.js';
import { searchInWindows, type Found, type Place, type SearchBounds } from './windowed.search.js';

/** Searches deliveries for operators. No query looks at more rows than it is allowed to. */
@Injectable()
export class DeliverySearches {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly queries: DeliverySearchQueries,
  ) {}

  /** Finds deliveries, newest first unless `sort` says otherwise. */
  async list(
    search: DeliverySearch,
    after: Place | undefined,
    bounds: SearchBounds,
    timeoutMs: number,
  ): Promise<Found<DeliveryRecord>> {
    if (search.tenants?.length === 0) return { items: [], last: undefined, rows: 0, isEnd: true };
    const source = await this.queries.sourceOf(search, bounds.scan, timeoutMs);
    const walk = {
      isFiltered: source.isFiltered,
      places: (from: Place | undefined, count: number) => this.queries.places(source, search, from, count, timeoutMs),
      matching: (ids: readonly string[]) => this.queries.matching(ids, search, timeoutMs),
    };
    return searchInWindows(this.connection.dialect, walk, after, bounds);
  }
}
