/** Every metric of the platform; docs/reference/metrics.md is made from here. Names follow OpenTelemetry where it has one. */
import { counter, gauge, histogram } from './metric.ts';

export const rpcServerDuration = histogram('rpc_server_call_duration_seconds', {
  help: 'Calls that a service answered, by how they ended.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});
export const rpcServerDropped = counter('polyb_rpc_server_dropped_total', {
  help: 'Calls that nobody waited for any more, so that they were not begun.',
  labels: { rpc_method: 'any' },
});
export const rpcServerInFlight = gauge('polyb_rpc_server_in_flight', {
  help: 'Calls that a service works on.',
  labels: { rpc_method: 'any' },
});
export const rpcClientDuration = histogram('rpc_client_call_duration_seconds', {
  help: 'Calls that a service made, with their repeats, by how they ended.',
  labels: { rpc_method: 'any', rpc_response_status_code: 'any' },
});

export const busReconnects = counter('polyb_bus_reconnects_total', { help: 'Times that the bus connection dropped and came back.' });
export const busRtt = gauge('polyb_bus_rtt_seconds', { help: 'Round trip to the bus server.' });

export const processCpuUser = counter('process_cpu_user_seconds_total', { help: 'User CPU time of the process of this instance.' });
export const processCpuSystem = counter('process_cpu_system_seconds_total', { help: 'System CPU time of the process of this instance.' });
export const processCpu = counter('process_cpu_seconds_total', { help: 'User and system CPU time of the process of this instance.' });
export const processMemory = gauge('process_resident_memory_bytes', { help: 'Resident memory of the process of this instance.' });
export const processStart = gauge('process_start_time_seconds', { help: 'When the process of this instance began, Unix time.' });

export const buildInfo = gauge('polyb_build_info', { help: '1, labelled with what runs.', labels: { version: 'any', node: 'any' } });
export const serviceReady = gauge('polyb_service_ready', {
  help: '1 for a service that answers; 0 for one that has answered before.',
  labels: { service: 'any' },
  isShared: true,
});
export const httpServerDuration = histogram('http_server_request_duration_seconds', {
  help: 'HTTP requests by route and status.',
  labels: { http_request_method: 'any', http_route: 'any', http_response_status_code: 'any' },
});
