#pragma once

/// How often libgomp's threads look for work before they sleep, in the form of GOMP_SPINCOUNT. The
/// program sets it unless its environment has this variable or OMP_WAIT_POLICY. docs/PERFORMANCE.md
/// has the measurements behind it.
#define CSTART_SPIN_COUNT "2000"
