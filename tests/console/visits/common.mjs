// What visits have in common.

export const CONSOLE = '/-/console';

/** The texts of all elements. */
export const texts = (locator) => locator.allInnerTexts();

/** Waits for the end of a comparison. */
export const ended = (page) => page.locator('.cards[aria-busy=false] .card').first().waitFor();

/** Waits for a comparison that a change begins with other operations, and for its end. */
export async function comparedAnew(page, operation, change) {
  const asked = page.waitForRequest((request) => decodeURIComponent(request.url()).includes(operation));
  await change();
  await asked;
  await ended(page);
}

/** Drops a picture, and waits for the end of its comparison. */
export async function compared(page, tools, name) {
  await tools.drop('.drop', name, 'image/png');
  await page.locator('.cards').waitFor();
  await ended(page);
}
