/** Starts calls, follows them to their end, and enforces the calling rules. */
import { dirname } from 'node:path';
import { realtimeAdapters } from '../../adapters/realtime/index.ts';
import { firstVoiceOf } from '../../adapters/tts/first-of.ts';
import { ttsAdapters } from '../../adapters/tts/index.ts';
import { remembered } from '../../adapters/tts/remembered.ts';
import { watchedTts } from '../../adapters/tts/watched.ts';
import { every, service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { calls } from '../../contracts/calls.ts';
import { CallOutcome } from '../../contracts/crm.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import { settled } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { tts } from '../../contracts/tts.ts';
import { systemClock } from '../../media/sip/clock.ts';
import { attendLegs } from './attend-leg.ts';
import { consultFirst } from './consult.ts';
import { endCall } from './end-call.ts';
import { endOverdueCalls } from './end-overdue-calls.loop.ts';
import { allowCalls, forbidCalls } from './forbid-calls.ts';
import { getRecording } from './get-recording.ts';
import { getTranscript } from './get-transcript.ts';
import { hangUpCalls } from './hang-up.ts';
import { hangUpRequested } from './hang-up-requested.loop.ts';
import { builtInScript, readLineScript } from './line/script.ts';
import { listForbidden } from './list-forbidden.ts';
import { mayCall } from './may-call.ts';
import { callsActive, callsRefused, callsTotal } from './metrics.ts';
import { onDialSettled } from './on-dial-settled.ts';
import { onLegChanged } from './on-leg-changed.ts';
import { onPhoneOwnersChanged } from './on-phone-owners-changed.ts';
import { policySource } from './policy.ts';
import { callTotals, getCall, listCalls } from './read-calls.ts';
import { answerSpeechCalls } from './realtime/answer-speech-calls.loop.ts';
import { speechWebhook } from './realtime/speech-webhook.ts';
import { routeCall } from './route-call.ts';
import { calleesOf, parseRoutes } from './routes.ts';
import { countActive } from './rows.ts';
import { callSettings } from './settings.ts';
import { settleConsultations } from './settle-consultations.loop.ts';
import { startCall } from './start-call.ts';
import { talkSettings } from './talk/talk-settings.ts';
import { forgetEntries } from './talk/transcript-rows.ts';
import { transferCall } from './transfer-call.ts';
import { watchCall } from './watch-call.ts';
import { whisper } from './whisper.ts';

const noSpeechModel = (): PolybError =>
  new PolybError('failed_precondition', 'CALL_ATTENDANT or CALL_ROUTES names realtime, and REALTIME_KIND no speech model.', {
    reason: 'bad_settings',
  });

export default service({
  serves: { calls },
  uses: [
    ...[telephony.dial, telephony.hang_up, telephony.transfer, telephony.capabilities, telephony.leg_changed, settled(telephony.dial)],
    ...[telephony.media, telephony.record, telephony.read_recording, telephony.play, telephony.stop, telephony.connect, telephony.whisper],
    ...[asr.recognize_stream, tts.synthesize_stream, dialog.dialog_stream, dialog.list_tools, dialog.run_tools],
    inbox.phone_owners_changed,
  ],
  settings: callSettings,
  vendors: {
    tts: { setting: 'TTS_KIND', catalogue: ttsAdapters, fallback: 'espeak', list: true },
    realtime: { setting: 'REALTIME_KIND', catalogue: realtimeAdapters, fallback: 'none', list: true },
  },
}).start(async ({ settings, vendors, bus, db, log, metrics, now }) => {
  const routes = parseRoutes(settings.CALL_ROUTES) ?? new Map(); // The settings schema has already rejected invalid routes.
  const health = (provider: string) => bus.health.of(`tts:${provider}`);
  const voices = firstVoiceOf(
    vendors.tts.map((voice) => ({ ...voice, ...remembered(watchedTts(voice, health(voice.provider))) })),
    { clock: systemClock, log, metrics, health, watchdogMs: settings.TTS_WATCHDOG_MS },
  );
  const needsModel = settings.CALL_ATTENDANT === 'realtime' || [...routes.values()].some(({ kind }) => kind === 'realtime');
  if (needsModel && vendors.realtime.length === 0) throw noSpeechModel();
  const people = calleesOf(settings.CALL_PEOPLE) ?? []; // The settings schema has already rejected invalid ones.
  const lines = attendLegs(db, {
    ...{ bus, log, now, routes, people, tts: voices },
    script: settings.CALL_SCRIPT === undefined ? builtInScript : await readLineScript(settings.CALL_SCRIPT),
    attendant: settings.CALL_ATTENDANT,
    ...{ models: vendors.realtime, turns: settings.CALL_REALTIME_TURNS },
    ...(await talkSettings(settings)),
    folder: dirname(settings.CALL_SCRIPT ?? '.'),
    transfer: (asked, signal) => consultFirst(asked, { db, bus, log, now }, signal),
  });
  const closing = new AbortController();
  const sip = vendors.realtime.find((model) => model.sip !== undefined)?.sip;
  const hangUp = hangUpCalls(db, sip);
  const waiting = answerSpeechCalls(sip, { db, bus, log, now, routes, people, language: 'ru-RU' }, closing.signal);
  metrics.begin(callsRefused, { cause: ['wrong_number'] });
  metrics.begin(callsTotal, { direction: ['in', 'out'], outcome: CallOutcome.options });
  metrics.sample(async () => [{ of: callsActive, labels: {}, value: await countActive(db) }]);
  return {
    calls: {
      start_call: startCall(now),
      get_call: getCall(db),
      watch_call: watchCall(db),
      whisper: whisper({ db, bus, now }),
      list_calls: listCalls(db),
      call_totals: callTotals(db),
      get_transcript: getTranscript(db),
      get_recording: getRecording(db, bus.call),
      end_call: endCall(db, hangUp, now),
      transfer_call: transferCall({ db, bus, sip, log, now }),
      route_call: routeCall(bus, routes, now),
      attend_leg: lines.attend,
      speech_webhook: speechWebhook(sip, { bus, routes, now, stored: waiting.answerNow }),
      forbid_calls: forbidCalls(bus.commit, now),
      list_forbidden: listForbidden(db),
      allow_calls: allowCalls(bus.commit, now),
    },
    guards: [mayCall(policySource(settings, bus.call, now), now)],
    on: [onLegChanged(), onDialSettled(now), onPhoneOwnersChanged()],
    loops: [
      waiting.loop,
      endOverdueCalls(bus, settings.CALL_MAX_MS, now),
      hangUpRequested(db, hangUp, { call: bus.call, now }),
      every('forget_transcripts', '41 3 * * *', () => forgetEntries(db, new Date(now() - settings.CALL_TRANSCRIPT_KEEP_MS))),
      settleConsultations(db, bus, bus.call, { now, ringMs: settings.CALL_TRANSFER_RING_MS }),
    ],
    stop: async () => {
      closing.abort();
      await lines.stop();
      voices.close();
    },
  };
});
