// A one-time code that came with the address the app was opened by.

export const given = { code: '' }
