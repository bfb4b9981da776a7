// An entry that is not saved.

import { t } from '../../i18n'
import { Button } from '../parts/press'
import { failure } from './save'

/** Said where it cannot be overlooked, with its values still at hand. */
export function Failure() {
  const failed = failure.value
  if (!failed) return null
  return (
    <div class="note bad" role="alert">
      <p>{t(`failure.${failed.why}`)}{failed.again && ` · ${failed.line}`}</p>
      {failed.again && <Button tone="main" onPress={failed.again}>{t('failure.again')}</Button>}
    </div>
  )
}
