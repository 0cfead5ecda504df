import { Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { HostRequest } from '../access/host.request.js';
import { Requires } from '../access/requires.decorator.js';
import { DeliveriesApi } from '../api/deliveries.api.js';
import { DeliveryDetailApi } from '../api/delivery-detail.api.js';
import { RevealApi } from '../api/reveal.api.js';
import { DashboardResponder } from '../dashboard.responder.js';

/** Routes of deliveries. */
export class DeliveriesController {
  constructor(
    @Inject(DeliveriesApi) private readonly deliveries: DeliveriesApi,
    @Inject(DeliveryDetailApi) private readonly details: DeliveryDetailApi,
    @Inject(RevealApi) private readonly reveals: RevealApi,
    @Inject(DashboardResponder) private readonly responder: DashboardResponder,
  ) {}

  @Get('deliveries')
  @Requires('look')
  list(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.deliveries.list(call));
  }

  @Post('find')
  @Requires('look')
  find(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.deliveries.find(call));
  }

  @Get('deliveries/:id')
  @Requires('look')
  get(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.details.get(call));
  }

  @Post('deliveries/:id/replay')
  @Requires('replay')
  replay(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.deliveries.replay(call));
  }

  @Post('deliveries/:id/discard')
  @Requires('discard')
  discard(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.deliveries.discard(call));
  }

  @Post('deliveries/:id/reveal')
  @Requires('reveal')
  reveal(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.reveals.delivery(call));
  }
}
