import { gauge, histogram } from '../../contracts/kit/metric.ts';

export const buildInfo = gauge('polyb_build_info', {
  help: 'Always 1; the labels give the version.',
  labels: { version: 'any', node: 'any' },
});
export const serviceReady = gauge('polyb_service_ready', {
  help: '1 for a service that responds, 0 for one that should: those of GATEWAY_EXPECTED_SERVICES, and any that has responded before.',
  labels: { service: 'any' },
  isShared: true,
});
export const httpServerDuration = histogram('http_server_request_duration_seconds', {
  help: 'HTTP requests by route and status.',
  labels: { http_request_method: 'any', http_route: 'any', http_response_status_code: 'any' },
});
