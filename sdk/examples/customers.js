// What a real CRM has a database for.

export const CUSTOMERS = [
  { number: '2001', name: 'Ada Example', notes: 'Waits for a part since Monday.' },
  { number: '0301234567', name: 'Bert Sample', notes: 'Likes to be called in the morning.' },
];

/** Whoever has this number; a caller's may have more in front of it. */
export const byNumber = (called) => CUSTOMERS.find(({ number }) => called.endsWith(number));
