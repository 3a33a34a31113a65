// Stands in for a library of flow of another version.
#include "runtime/Flow/FlowInterface.h"

int32_t kinemaFlowInterface() { return kinemaFlowInterfaceVersion + 1; }
