// Included before every C++ source (Package.swift). If libtorch is missing, compilation ends here
// with the remedy in its message. Not by #error, after which the compiler would go on to the first
// missing header.
#pragma once

#if !__has_include(<torch/headeronly/version.h>) && !__has_include(<torch/version.h>)
#include <libtorch (run 'make setup' once in a clone of swift-dit, or set LIBTORCH to its folder)>
#endif
