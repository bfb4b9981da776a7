// Definitions of kinds and policy as `/v1/kinds` and `/v1/policy` send them. Members that this
// program does not know are ignored; a field of a type that it does not know is not asked for.

export interface Label {
  readonly zh: string
  readonly en: string
}

export interface Code extends Label {
  readonly code: string
  readonly retired?: boolean
}

export type ScalarType =
  | 'text' | 'name' | 'phone' | 'identity' | 'plate' | 'area' | 'areas' | 'credit_code'
  | 'integer' | 'temperature' | 'code' | 'codes' | 'boolean' | 'date' | 'time'
  | 'reference' | 'user' | 'place'
export type FieldType = ScalarType | 'object' | 'map'

export interface Condition {
  readonly path: string
  readonly is: readonly (string | number | boolean)[]
}

interface Asked {
  readonly name: string
  readonly label: Label
  readonly help?: Label
  readonly required?: boolean
  readonly required_unless?: Condition
  readonly required_in?: Condition
  /** `flag`: its lack is noted, not refused. */
  readonly missing?: 'flag'
  readonly sensitivity?: string
  readonly retired?: boolean
  readonly max_length?: number
  readonly document?: string
  readonly min?: number
  readonly max?: number
  readonly warn_min?: number
  readonly warn_max?: number
  readonly codes?: readonly Code[]
  readonly partial?: boolean
  readonly kind?: string
}

export interface Member extends Asked {
  readonly type: ScalarType
}

export interface Field extends Asked {
  readonly type: FieldType
  readonly member?: readonly Member[]
}

export type Level = 'notice' | 'alert' | 'urgent'

export interface Kind {
  readonly name: string
  readonly version: number
  readonly label: Label
  readonly scope: { readonly place: string; readonly by_day: boolean } | { readonly parent: string }
  readonly writers: readonly string[]
  readonly field: readonly Field[]
}

export interface Rule {
  readonly code: string
  readonly kind: string
  readonly level: Level
  readonly label: Label
  readonly advice?: Label
  readonly when: readonly unknown[]
}

export interface Policy {
  readonly version: number
  readonly lists?: { readonly [name: string]: readonly string[] }
  readonly rule: readonly Rule[]
}
