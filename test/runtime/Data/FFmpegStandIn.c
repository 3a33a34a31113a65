// A library that says to be one of FFmpeg's, of some number, and can do nothing.
unsigned STANDIN_VERSION(void);
unsigned STANDIN_VERSION(void) { return STANDIN_NUMBER << 16; }

const char *av_version_info(void);
const char *av_version_info(void) { return "3.4.11-0ubuntu0.1"; }
