import type { Voice } from '../../tts/port.ts';

/** The voices Aura 2 by language, the default first. Source: developers.deepgram.com, TTS models; a test compares them with the library. */
const names = {
  en: 'thalia amalthea andromeda apollo arcas aries asteria athena atlas aurora callista cora cordelia delia draco electra harmonia helena hera hermes hyperion iris janus juno jupiter luna mars minerva neptune odysseus ophelia orion orpheus pandora phoebe pluto saturn selene theia vesta zeus',
  es: 'celeste agustina alvaro antonia aquila carina diana estrella gloria javier luciano nestor olivia selena silvia sirio valerio',
  de: 'viktoria aurelia elara fabian julius kara lara',
  nl: 'rhea beatrix cornelia daphne hestia lars leda roman sander',
  fr: 'agathe hector',
  it: 'livia cesare cinzia demetra dionisio elio flavio maia melia perseo',
  ja: 'izanami ama ebisu fujin uzume',
};

export const auraVoices: readonly Voice[] = Object.entries(names).flatMap(([language, list]) =>
  list.split(' ').map((name) => ({ voice: `aura-2-${name}-${language}`, language, gender: null })),
);
