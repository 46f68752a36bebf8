const DAY_MS = 86_400_000;

/** Delivery time (epoch ms) of the quarterly contract that is `ahead` quarters after the current one: the last Friday, 08:00 UTC. */
export function quarterDelivery(now: number, ahead: number): number {
  const date = new Date(now);
  const quarter = date.getUTCFullYear() * 4 + Math.floor(date.getUTCMonth() / 3);
  const deliveryOf = (index: number) => {
    const lastDay = Date.UTC(Math.floor(index / 4), (index % 4) * 3 + 3, 0);
    const sinceFriday = (new Date(lastDay).getUTCDay() + 2) % 7;
    return lastDay - sinceFriday * DAY_MS + 8 * 3_600_000;
  };
  const current = deliveryOf(quarter) > now ? quarter : quarter + 1;
  return deliveryOf(current + ahead);
}

/** `261225` for 2026-12-25. */
export function deliveryCode(delivery: number): string {
  return new Date(delivery).toISOString().slice(2, 10).replaceAll('-', '');
}
