import { expect, test } from '@jest/globals';
import { sequenceOf } from './sequence.ts';

const began = Date.parse('2026-11-28T09:00:00Z');
const at = (ms: number) => new Date(began + ms).toISOString();
const step = (name: string, method: string, from: number | null, to: number | null, mode: 'step' | 'wait' = 'step') => ({
  ...{ step: name, method, mode, state: 'done' as const },
  ...{ startedAt: from === null ? null : at(from), endedAt: to === null ? null : at(to) },
});
const drawn = (...steps: readonly ReturnType<typeof step>[]) => {
  const { lanes, lines } = sequenceOf('pipelines.lead_to_call', steps);
  return {
    lanes,
    lines: lines.map((line) =>
      line.kind === 'pause' ? `pause ${line.ms}` : `${lanes[line.from]} ${line.kind} ${lanes[line.to]} ${line.step.step}`,
    ),
  };
};

test('each step is a request to the lane of its contract and a reply, in the order of time, also beside another', () => {
  expect(
    drawn(step('call', 'calls.start_call', 50, 300), step('pushed', 'crm.push_to_crm', 0, 50), step('log', 'crm.log_call', 200, 250)),
  ).toEqual({
    lanes: ['pipelines', 'calls', 'crm'],
    lines: [
      'pipelines request crm pushed',
      'crm reply pipelines pushed',
      'pipelines request calls call',
      'pipelines request crm log',
      'crm reply pipelines log',
      'calls reply pipelines call',
    ],
  });
});

test('a time in which no step works is a pause, a wait is one too, and a long step is none', () => {
  expect(
    drawn(
      step('pushed', 'crm.push_to_crm', 0, 5_000),
      step('ended', '@calls.call_ended', 5_000, 65_000, 'wait'),
      step('logged', 'crm.log_call', 66_500, 66_600),
    ).lines,
  ).toEqual([
    'pipelines request crm pushed',
    'crm reply pipelines pushed',
    'pipelines wait calls ended',
    'pause 60000',
    'calls reply pipelines ended',
    'pause 1500',
    'pipelines request crm logged',
    'crm reply pipelines logged',
  ]);
});

test('a step that took no time has its reply after its request, and a delay is the run’s own', () => {
  expect(drawn(step('pushed', 'crm.push_to_crm', 0, 0), step('later', '@delay', 0, 900, 'wait'))).toEqual({
    lanes: ['pipelines', 'crm'],
    lines: [
      'pipelines request crm pushed',
      'pipelines wait pipelines later',
      'crm reply pipelines pushed',
      'pipelines reply pipelines later',
    ],
  });
});

test('a step at work has no reply yet, and one that has not started is not there', () => {
  expect(drawn(step('pushed', 'crm.push_to_crm', 0, null), step('call', 'calls.start_call', null, null))).toEqual({
    lanes: ['pipelines', 'crm'],
    lines: ['pipelines request crm pushed'],
  });
});
