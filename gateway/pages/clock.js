// The gateway's clock. What a phone thinks the time is decides nothing, and can be hours off.

let aheadMs = 0; // of ours, the server's clock

/** Take note of the server's time, as it stood in an answer that has just come. */
export function setClock(serverTime) {
  aheadMs = Date.parse(serverTime) - Date.now();
}

export const now = () => Date.now() + aheadMs;

export const secondsUntil = (time) => Math.max(0, Math.ceil((Date.parse(time) - now()) / 1000));

/** 75 as "1:15", a day and more in days. */
export function duration(seconds) {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)} d ${duration(seconds % 86_400)}`;
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
