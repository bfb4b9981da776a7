// A map that remembers what was touched since it was last written to storage.

export class Table<K, V> extends Map<K, V> {
  /** Keys put, changed in place or taken out. */
  readonly touched = new Set<K>()
  /** Values taken out. */
  readonly gone: V[] = []

  override set(key: K, value: V): this {
    this.touched?.add(key)
    return super.set(key, value)
  }

  override delete(key: K): boolean {
    const value = this.get(key)
    if (value !== undefined) this.gone.push(value)
    this.touched.add(key)
    return super.delete(key)
  }

  override clear(): void {
    for (const key of [...this.keys()]) this.delete(key)
    super.clear()
  }

  /** The value of this key was changed in place. */
  touch(key: K): void {
    this.touched.add(key)
  }

  retain(keep: (value: V, key: K) => boolean): void {
    for (const [key, value] of [...this]) if (!keep(value, key)) this.delete(key)
  }

  getOr(key: K, make: () => V): V {
    let value = this.get(key)
    if (value === undefined) {
      value = make()
      this.set(key, value)
    }
    return value
  }
}
