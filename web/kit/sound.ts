/** A short tone; browsers allow it after the first press of a key or a button. */
export function createBell(): () => void {
  let context: AudioContext | undefined;
  return () => {
    context ??= new AudioContext();
    const tone = context.createOscillator();
    const volume = context.createGain();
    const { currentTime } = context;
    tone.frequency.value = 880;
    volume.gain.setValueAtTime(0.1, currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, currentTime + 0.3);
    tone.connect(volume).connect(context.destination);
    tone.start();
    tone.stop(currentTime + 0.3);
  };
}
