import { Get, Inject, Req, Res } from '@nestjs/common';
import type { HostRequest } from '../access/host.request.js';
import { Requires } from '../access/requires.decorator.js';
import { DashboardException } from '../api/dashboard.exception.js';
import { DashboardResponder } from '../dashboard.responder.js';
import { PageFiles } from '../page.files.js';

/** Serves the page and its files, by one route without a wildcard. */
export class PageController {
  constructor(
    @Inject(PageFiles) private readonly files: PageFiles,
    @Inject(DashboardResponder) private readonly responder: DashboardResponder,
  ) {}

  @Get()
  @Requires('look')
  async get(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    try {
      this.responder.send(response, await this.files.get(request));
    } catch (error) {
      if (!(error instanceof DashboardException)) throw error;
      this.responder.sendError(response, error);
    }
  }
}
