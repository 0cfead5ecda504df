import { Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { HostRequest } from '../access/host.request.js';
import { Requires } from '../access/requires.decorator.js';
import { BulkApi } from '../api/bulk.api.js';
import { DashboardResponder } from '../dashboard.responder.js';

/** Routes of bulk operations. */
export class BulkController {
  constructor(
    @Inject(BulkApi) private readonly bulk: BulkApi,
    @Inject(DashboardResponder) private readonly responder: DashboardResponder,
  ) {}

  @Post('bulk/preview')
  @Requires('bulk')
  preview(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.preview(call));
  }

  @Post('bulk')
  @Requires('bulk')
  start(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.start(call));
  }

  @Get('bulk')
  @Requires('look')
  list(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.list(call));
  }

  @Get('bulk/:id')
  @Requires('look')
  get(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.get(call));
  }

  @Post('bulk/:id/pause')
  @Requires('bulk')
  pause(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.pause(call));
  }

  @Post('bulk/:id/resume')
  @Requires('bulk')
  resume(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.resume(call));
  }

  @Post('bulk/:id/cancel')
  @Requires('bulk')
  cancel(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.bulk.cancel(call));
  }
}
