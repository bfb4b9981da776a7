// The card's few words. A page of its own, so that a traveller does not load the app's table.

const zh = {
  title: '通行登记卡',
  text: '只填一次，过卡点出示二维码，不用再口述。内容只存在您自己的手机里，不上传。',
  name: '姓名',
  phone: '手机号',
  number: '身份证号（可不填）',
  plate: '车牌号（可不填）',
  origin: '从哪里来（可不填）',
  destination: '到哪里去（可不填）',
  make: '生成二维码',
  lack: '请至少填写姓名和手机号',
  badPhone: '手机号不对，请再核对一遍',
  show: '请值守人员扫码',
  valid: '{time} 生成，24 小时内有效',
  old: '已超过 24 小时，请核对后重新生成',
  again: '核对并重新生成',
  forget: '从本机删除',
  local: '没有网络也能打开。请把屏幕调亮。',
  language: 'English',
} as const

type Word = keyof typeof zh

const en: Record<Word, string> = {
  title: "Traveller's card",
  text: 'Fill it in once and show the code at each checkpoint. It stays on your own phone; nothing is sent.',
  name: 'Name',
  phone: 'Telephone',
  number: 'Identity number (if you like)',
  plate: 'Plate (if you like)',
  origin: 'Where from (if you like)',
  destination: 'Where to (if you like)',
  make: 'Make the code',
  lack: 'At least your name and telephone are needed',
  badPhone: 'This is no telephone number: compare it once more',
  show: 'Have this code scanned',
  valid: 'Made {time}, good for 24 hours',
  old: 'Older than 24 hours: check it and make it anew',
  again: 'Check and make anew',
  forget: 'Delete from this phone',
  local: 'It opens without a network. Turn the screen bright.',
  language: '中文',
}

export type Tongue = 'zh' | 'en'

export function word(tongue: Tongue, name: Word, given: { readonly [name: string]: string } = {}): string {
  return (tongue === 'zh' ? zh : en)[name].replace(/\{(\w+)\}/g, (whole, key: string) => given[key] ?? whole)
}
