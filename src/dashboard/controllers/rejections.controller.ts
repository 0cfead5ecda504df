import { Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { HostRequest } from '../access/host.request.js';
import { Requires } from '../access/requires.decorator.js';
import { RejectionsApi } from '../api/rejections.api.js';
import { RevealApi } from '../api/reveal.api.js';
import { DashboardResponder } from '../dashboard.responder.js';

/** Routes of rejections. */
export class RejectionsController {
  constructor(
    @Inject(RejectionsApi) private readonly rejections: RejectionsApi,
    @Inject(RevealApi) private readonly reveals: RevealApi,
    @Inject(DashboardResponder) private readonly responder: DashboardResponder,
  ) {}

  @Get('rejections')
  @Requires('look')
  list(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.rejections.list(call));
  }

  @Get('rejections/:id')
  @Requires('look')
  get(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.rejections.get(call));
  }

  @Post('rejections/:id/accept')
  @Requires('decide')
  accept(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.rejections.accept(call));
  }

  @Post('rejections/:id/discard')
  @Requires('decide')
  discard(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.rejections.discard(call));
  }

  @Post('rejections/:id/reveal')
  @Requires('reveal')
  reveal(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.reveals.rejection(call));
  }
}
