// Has functions compiled for AVX2 beside what all processors have.
#pragma once

#ifdef __x86_64__
#define KINEMA_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define KINEMA_CLONES
#endif
