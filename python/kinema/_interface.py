# Made by scripts/python-interface from runtime/Library/kinema.h.
"""The numbers and functions of the library, as ctypes has them."""
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint64, c_void_p
from typing import Any, Dict, List, Tuple

OK = 0
WORK_FAILED = 1
ARGUMENTS_WRONG = 2
NO_MEMORY = 3
INPUT = 1
PARAMETER = 2
STATE = 3
INFER_OUTPUT = 4
STEP_OUTPUT = 5
FLOAT32 = 1
INT32 = 2

# Whether a function returns an error; what it returns, and its parameters.
FUNCTIONS: Dict[str, Tuple[bool, Any, List[Any]]] = {
    "kinema_error_status": (False, c_int, [c_void_p]),
    "kinema_error_message": (False, c_char_p, [c_void_p]),
    "kinema_error_free": (False, None, [c_void_p]),
    "kinema_version": (False, c_char_p, []),
    "kinema_devices_list": (True, c_void_p, [POINTER(c_void_p)]),
    "kinema_devices_count": (False, c_int64, [c_void_p]),
    "kinema_devices_name": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_devices_description": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_devices_free": (False, None, [c_void_p]),
    "kinema_package_open": (True, c_void_p, [c_char_p, POINTER(c_void_p)]),
    "kinema_package_open_memory": (True, c_void_p, [c_void_p, c_size_t, POINTER(c_void_p)]),
    "kinema_package_close": (False, None, [c_void_p]),
    "kinema_package_name": (False, c_char_p, [c_void_p]),
    "kinema_package_batch": (False, c_int64, [c_void_p]),
    "kinema_package_classes": (False, c_int64, [c_void_p]),
    "kinema_package_target_count": (False, c_int64, [c_void_p]),
    "kinema_package_target": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_package_has_entry": (False, c_int, [c_void_p, c_char_p]),
    "kinema_package_has_weights": (False, c_int, [c_void_p]),
    "kinema_package_setting": (False, c_char_p, [c_void_p, c_char_p]),
    "kinema_package_setting_count": (False, c_int64, [c_void_p]),
    "kinema_package_setting_name": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_package_rate": (True, c_void_p, [c_void_p, c_int64, c_int64, c_int64, POINTER(c_double)]),
    "kinema_package_tensor_count": (False, c_int64, [c_void_p, c_int]),
    "kinema_package_tensor": (False, c_void_p, [c_void_p, c_int, c_int64]),
    "kinema_package_find": (False, c_void_p, [c_void_p, c_int, c_char_p]),
    "kinema_tensor_name": (False, c_char_p, [c_void_p]),
    "kinema_tensor_kind": (False, c_int, [c_void_p]),
    "kinema_tensor_type": (False, c_int, [c_void_p]),
    "kinema_tensor_rank": (False, c_int64, [c_void_p]),
    "kinema_tensor_shape": (False, POINTER(c_int64), [c_void_p]),
    "kinema_tensor_elements": (False, c_int64, [c_void_p]),
    "kinema_tensor_input_kind": (False, c_char_p, [c_void_p]),
    "kinema_session_open": (True, c_void_p, [c_void_p, c_char_p, c_int, POINTER(c_void_p)]),
    "kinema_session_close": (False, None, [c_void_p]),
    "kinema_session_device": (False, c_char_p, [c_void_p]),
    "kinema_session_initialise": (True, c_void_p, [c_void_p, c_uint64]),
    "kinema_session_load_weights": (True, c_void_p, [c_void_p, c_char_p, c_char_p]),
    "kinema_session_load_weights_memory": (True, c_void_p, [c_void_p, c_void_p, c_size_t, c_char_p]),
    "kinema_session_load_part": (True, c_void_p, [c_void_p, c_char_p, c_char_p, POINTER(c_uint8), c_int64]),
    "kinema_session_load_part_memory": (True, c_void_p, [c_void_p, c_void_p, c_size_t, c_char_p, POINTER(c_uint8), c_int64]),
    "kinema_session_save_weights": (True, c_void_p, [c_void_p, c_char_p, c_char_p]),
    "kinema_session_save_weights_memory": (True, c_void_p, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "kinema_session_class_name": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_session_write": (True, c_void_p, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "kinema_session_read": (True, c_void_p, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "kinema_session_infer": (True, c_void_p, [c_void_p]),
    "kinema_session_prepare": (True, c_void_p, [c_void_p]),
    "kinema_session_train_step": (True, c_void_p, [c_void_p, POINTER(c_double), POINTER(c_float)]),
    "kinema_session_set_step": (True, c_void_p, [c_void_p, c_int64]),
    "kinema_session_save_checkpoint": (True, c_void_p, [c_void_p, c_char_p, c_int64, c_int64]),
    "kinema_session_load_checkpoint": (True, c_void_p, [c_void_p, c_char_p, POINTER(c_int64), POINTER(c_int64)]),
    "kinema_session_set_labels": (True, c_void_p, [c_void_p, POINTER(c_int32), c_int64]),
    "kinema_session_set_class_weights": (True, c_void_p, [c_void_p, POINTER(c_double), c_int64]),
    "kinema_session_set_truths": (True, c_void_p, [c_void_p, POINTER(c_float), c_int64]),
    "kinema_allocate": (True, c_void_p, [c_int, c_int64, POINTER(c_int64), POINTER(c_void_p)]),
    "kinema_share": (True, c_void_p, [c_void_p, POINTER(c_void_p)]),
    "kinema_session_bind": (True, c_void_p, [c_void_p, c_void_p, c_void_p]),
    "kinema_session_view": (True, c_void_p, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "kinema_package_clip": (True, c_void_p, [c_void_p, c_void_p, POINTER(c_uint8), c_int64, c_int64, c_int64, POINTER(c_float), c_int64]),
    "kinema_list_open": (True, c_void_p, [c_char_p, POINTER(c_char_p), POINTER(c_void_p)]),
    "kinema_list_close": (False, None, [c_void_p]),
    "kinema_list_count": (False, c_int64, [c_void_p]),
    "kinema_list_video": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_list_label": (False, c_int32, [c_void_p, c_int64, c_int64]),
    "kinema_list_class_count": (False, c_int64, [c_void_p]),
    "kinema_list_class_name": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_clips_open": (True, c_void_p, [c_void_p, POINTER(c_char_p), c_int64, POINTER(c_char_p), c_int, POINTER(c_void_p)]),
    "kinema_clips_open_training": (True, c_void_p, [c_void_p, POINTER(c_char_p), POINTER(c_int32), c_int64, POINTER(c_char_p), c_int, POINTER(c_void_p)]),
    "kinema_clips_open_list": (True, c_void_p, [c_void_p, c_void_p, c_int, POINTER(c_char_p), c_int, POINTER(c_void_p)]),
    "kinema_clips_close": (False, None, [c_void_p]),
    "kinema_clips_batches": (False, c_int64, [c_void_p]),
    "kinema_clips_seek": (True, c_void_p, [c_void_p, c_int64, c_int64]),
    "kinema_clips_next": (True, c_void_p, [c_void_p, POINTER(c_int64)]),
    "kinema_clips_video": (False, c_int64, [c_void_p, c_int64]),
    "kinema_clips_problem": (False, c_char_p, [c_void_p, c_int64]),
    "kinema_clips_view": (True, c_void_p, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "kinema_clips_truths": (True, c_void_p, [c_void_p, POINTER(c_float), c_int64]),
    "kinema_session_take": (True, c_void_p, [c_void_p, c_void_p]),
    "kinema_session_predict": (True, c_void_p, [c_void_p, c_void_p, POINTER(c_double), c_int64]),
}
