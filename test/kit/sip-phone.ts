/** Phones that speak SIP and RTP on loopback, for tests: another user agent of this project, with a media worker of its own. */
import { createMediaWorker, type MediaSession, type MediaWorker } from '../../media/rtp/worker-client.ts';
import type { Call, CallEvents, IncomingCall } from '../../media/sip/call.ts';
import { answerOffer, createOffer, type LocalAudio, type Negotiated, readAnswer } from '../../media/sip/offer-answer.ts';
import { openTransports } from '../../media/sip/transport.ts';
import { parseUri } from '../../media/sip/uri.ts';
import { createUserAgent } from '../../media/sip/user-agent.ts';

export interface SipPhone {
  /** The user part of the URI that was called. */
  readonly number: string | null;
  readonly session: MediaSession;
  /** Where the other side takes its audio; null before the negotiation. */
  peer(): { readonly address: string; readonly port: number } | null;
  ring(): void;
  answer(): void;
  /** Refuses as busy. */
  refuse(): void;
  hangUp(): void;
  /** The call was answered, and this side has its audio. */
  isConnected(): boolean;
  /** Speaks μ-law. */
  speak(audio: Uint8Array): void;
  press(digit: string): void;
  /** Puts the other side on hold, or takes it back. @throws Error when it refuses */
  hold(on: boolean): Promise<void>;
  /** What was heard, without frames of silence. */
  heard(): Uint8Array;
  hasEnded(): boolean;
}
export interface SipPhones {
  /** URI of all phones: `sip:127.0.0.1:5080`. */
  readonly uri: string;
  /** Calls that came in, oldest first. Each rings when it is told to. */
  readonly calls: readonly SipPhone[];
  /** Calls out. */
  call(to: string, from: string): Promise<SipPhone>;
  close(): Promise<void>;
}

export interface SipPhonesOptions {
  /** Master key and salt in base64: calls are encrypted. */
  readonly srtpKey?: string | undefined;
  /** Where the audio of the phones is; a media worker by default. */
  readonly worker?: Pick<MediaWorker, 'open' | 'close'>;
  /** What a phone does when it is called. */
  readonly onCall?: (phone: SipPhone) => void;
}

export async function sipPhones({
  srtpKey,
  worker = createMediaWorker({ address: '127.0.0.1' }),
  onCall = () => {},
}: SipPhonesOptions = {}): Promise<SipPhones> {
  const transports = await openTransports({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }] });
  const calls: SipPhone[] = [];
  const agent = createUserAgent({
    transports,
    on: {
      async incoming(call) {
        const at = onePhone(await worker.open(), parseUri(call.requestUri)?.user ?? null, srtpKey);
        at.attach(call);
        call.listen(at.events);
        calls.push(at.phone);
        onCall(at.phone);
      },
    },
  });
  return {
    uri: `sip:127.0.0.1:${transports.local('udp', false)?.port}`,
    calls,
    async call(to, from) {
      const at = onePhone(await worker.open(), parseUri(to)?.user ?? null, srtpKey);
      at.attach(agent.invite({ to, from, sdp: at.offer() }, at.events));
      return at.phone;
    },
    async close() {
      await agent.close();
      await worker.close();
    },
  };
}

function onePhone(session: MediaSession, number: string | null, srtpKey: string | undefined) {
  const heard: Uint8Array[] = [];
  let call: Call | null = null;
  let isConnected = false;
  let remote: { readonly address: string; readonly port: number } | null = null;
  let hasEnded = false;
  let spoken = 0;
  let local: LocalAudio = {
    sessionId: '1',
    version: 1,
    address: '127.0.0.1',
    port: session.port,
    codecs: ['PCMU'],
    ptimeMs: 20,
    direction: 'sendrecv',
    ...(srtpKey === undefined ? {} : { srtpKey }),
  };
  session.on({
    frame(audio) {
      if (audio.some((sample) => sample !== 0xff)) heard.push(audio.slice());
    },
    fact: () => {},
  });
  const use = (negotiated: Negotiated): void => {
    remote = negotiated.remote;
    session.configure(negotiated);
  };
  const events: CallEvents = {
    answered({ sdp }) {
      const negotiated = readAnswer(sdp ?? '', local);
      if (typeof negotiated === 'object') use(negotiated);
      isConnected = true;
    },
    offer(sdp) {
      local = { ...local, version: local.version + 1 };
      const answer = answerOffer(sdp ?? '', local);
      if (answer.refused !== null) return { refuse: 488 };
      use(answer.negotiated);
      return { sdp: answer.sdp };
    },
    referred(referral) {
      referral.accept().notify(200);
    },
    ended() {
      hasEnded = true;
      void session.close();
    },
  };
  const incoming = (): IncomingCall => call as IncomingCall; // A test answers only what rings here.
  const phone: SipPhone = {
    number,
    session,
    peer: () => remote,
    ring: () => incoming().ring(),
    answer() {
      const answer = answerOffer(incoming().offer ?? '', local);
      if (answer.refused !== null) {
        incoming().reject(488);
        return;
      }
      use(answer.negotiated);
      void incoming()
        .answer(answer.sdp)
        .then((isAnswered) => {
          isConnected = isAnswered;
        });
    },
    refuse: () => incoming().reject(486),
    hangUp: () => call?.hangUp(),
    isConnected: () => isConnected,
    speak(audio) {
      spoken += 1;
      session.play(String(spoken), audio);
    },
    press: (digit) => session.sendDtmf(digit),
    async hold(on) {
      local = { ...local, version: local.version + 1, direction: on ? 'sendonly' : 'sendrecv' };
      const { status, sdp } = (await call?.reInvite(createOffer(local))) ?? { status: 481, sdp: null };
      const negotiated = readAnswer(sdp ?? '', local);
      if (typeof negotiated !== 'object') throw new Error(`the other side refuses to be held: ${status}`);
      use(negotiated);
    },
    heard: () => Buffer.concat(heard),
    hasEnded: () => hasEnded,
  };
  return {
    phone,
    events,
    offer: () => createOffer(local),
    attach(made: Call) {
      call = made;
    },
  };
}
