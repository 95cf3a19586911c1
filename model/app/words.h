/* words.h - everything the page says, in its two languages. HTML: characters are references where
 * they must be. */
#ifndef MODEL_APP_WORDS_H
#define MODEL_APP_WORDS_H

#include "model/app/language.h"

enum word {
    WORD_LANGUAGE, /* its tag */
    WORD_TITLE,
    WORD_INTRODUCTION,
    WORD_CLOSE,
    WORD_CLOSE_HINT,
    WORD_ASK,
    WORD_CLOSE_EMPTY,
    WORD_CLOSE_NO_NUMBER,
    WORD_CLOSE_NOT_POSITIVE,
    WORD_CLOSE_TOO_LARGE,
    WORD_ANSWER,
    WORD_FOR_CLOSE,
    WORD_UP,
    WORD_DOWN,
    WORD_NO_ORACLE,
    WORD_NO_ANSWER,
    WORD_MODEL_DOWN,
    WORD_MODEL_SLOW,
    WORD_MODEL_NOT_READY,
    WORD_MODEL_ERROR,
    WORD_MODEL_STATUS,
    WORD_MODEL_SAID,
    WORD_MODEL_NONSENSE,
    WORD_TRY_AGAIN,
    WORD_DRIFT,
    WORD_DRIFT_UNKNOWN,
    WORD_DRIFT_TOO_FEW,
    WORD_DRIFT_NONE,
    WORD_DRIFT_DETECTED,
    WORD_DRIFT_TABLE,
    WORD_FEATURE,
    WORD_SCORE,
    WORD_THRESHOLD,
    WORD_SAMPLES,
    WORD_VERDICT,
    WORD_YES,
    WORD_NO,
    WORD_NOT_YET,
    WORD_MODEL,
    WORD_NAME,
    WORD_VERSION,
    WORD_NOT_STATED,
    WORDS
};

const char *word(enum word which, enum language language);

#endif
