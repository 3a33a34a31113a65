// Declares the operations of ClipLogOps.td.
#ifndef KINEMA_DIALECTS_CLIP_CLIPLOG_H
#define KINEMA_DIALECTS_CLIP_CLIPLOG_H

#include "dialects/Clip/Clip.h"

#define GET_OP_CLASSES
#include "dialects/Clip/ClipLogOps.h.inc"

#endif
