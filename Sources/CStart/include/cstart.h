#pragma once

/// How often libgomp's threads look for work before they sleep, in the form of GOMP_SPINCOUNT. The
/// program sets it unless its environment has this variable or OMP_WAIT_POLICY. docs/PERFORMANCE.md
/// has the measurements behind it.
#define CSTART_SPIN_COUNT "2000"

/// The commit that was built, if `DIT_COMMIT` named it; else empty.
const char *cstart_commit(void);

/// The system and processor that the program was built for, such as "Linux x86_64".
const char *cstart_target(void);
