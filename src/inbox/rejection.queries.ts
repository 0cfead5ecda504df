import { Injectable } from '@nestjs/common';
import { LessThan, type FindOptionsSelect, type FindOptionsWhere } from 'typeorm';
import { DatabaseConnection } from '../database/database.connection.js';
import type { RejectionFilter } from './inbox.queries.js';
import { PayloadCodec, type OpenedText } from './payload.codec.js';
import { Rejection } from './rejection.entity.js';

/** A rejection whose contents are opened. */
export interface OpenedRejection {
  readonly rejection: Rejection;
  readonly rawBody: OpenedText;
  readonly detail: OpenedText;
}

/** Reads rejections for operators. Lists leave `rawBody` out. */
@Injectable()
export class RejectionQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly codec: PayloadCodec,
  ) {}

  /** Finds a rejection with its contents. */
  async find(id: string): Promise<OpenedRejection | null> {
    const rejection = await this.connection.read((manager) => manager.findOneBy(Rejection, { id }));
    if (!rejection) return null;
    const { tenant, rawBody } = rejection;
    const body = await this.codec.decode(rawBody, { column: 'rejection.raw_body', row: id, tenant });
    return { rejection, rawBody: body, detail: await this.detailOf(rejection) };
  }

  private async detailOf({ id, tenant, detail }: Pick<Rejection, 'id' | 'tenant' | 'detail'>): Promise<OpenedText> {
    return this.codec.decode(detail, { column: 'rejection.detail', row: id, tenant });
  }

  /** Returns the named fields of rejections, newest first, with their details opened. */
  async list<F extends Exclude<keyof Rejection, 'rawBody'>>(
    { state = 'open', reason, before, limit = 50 }: RejectionFilter,
    fields: readonly (F | 'id' | 'tenant' | 'detail')[],
  ): Promise<{ rejection: Pick<Rejection, F | 'id' | 'tenant' | 'detail'>; detail: OpenedText }[]> {
    const where: FindOptionsWhere<Rejection> = {
      state,
      ...(reason && { reason }),
      ...(before && { id: LessThan(before) }),
    };
    const select = Object.fromEntries(fields.map((field) => [field, true])) as FindOptionsSelect<Rejection>;
    const rows = await this.connection.read((manager) =>
      manager.find(Rejection, { select, where, order: { id: 'DESC' }, take: limit }),
    );
    return Promise.all(rows.map(async (row) => ({ rejection: row, detail: await this.detailOf(row) })));
  }
}
