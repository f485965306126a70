#pragma once

#include "random.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// An operator of libtorch's dispatcher, looked up once; never released.
typedef struct ctorch_operator {
  const void *handle;
} ctorch_operator;

typedef enum ctorch_kind : int32_t {
  CTORCH_DEFAULT,  // the schema's default value
  CTORCH_NONE,
  CTORCH_TENSOR,
  CTORCH_TENSOR_LIST,  // a null member is "no tensor"
  CTORCH_BOOL_VALUE,
  CTORCH_INT,  // also dtypes, layouts and memory formats, by their number
  CTORCH_INT_LIST,
  CTORCH_DOUBLE,
  CTORCH_DOUBLE_LIST,
  CTORCH_SCALAR_LIST,  // `Scalar?[]` from doubles
  CTORCH_STRING,       // also devices, by libtorch's spelling
  CTORCH_GENERATOR,
} ctorch_kind;

/// One argument. The operator's schema converts it, for instance an int to a float.
typedef struct ctorch_value {
  ctorch_kind kind;
  int64_t integer;     // BOOL_VALUE, INT
  double number;       // DOUBLE
  const void *items;   // lists: the first member; STRING: the text; TENSOR, GENERATOR: the impl
  int64_t item_count;  // lists: their length
} ctorch_value;

ctorch_status ctorch_operator_find(const char *name, const char *overload, ctorch_operator *result);

/// Calls an operator through the dispatcher (autograd included). Missing trailing arguments take
/// the schema's defaults. Lists of tensors in the results are flattened. `results` is valid until
/// the next call on this thread; the caller releases each tensor in it.
ctorch_status ctorch_call(ctorch_operator op, const ctorch_value *arguments, int64_t argument_count,
                          const ctorch_tensor **results, int64_t *result_count);

#ifdef __cplusplus
}
#endif
