#include "embedded_page.h"

// ccache does not see the files below. A text that looks like the assembler's directive keeps it
// from giving back an object with earlier ones.
_Static_assert(sizeof ".incbin \"\"", "");

static const unsigned char page_html[] = {
#embed "page.html"
};

static const unsigned char page_css[] = {
#embed "page.css"
};

static const unsigned char server_js[] = {
#embed "server.js"
};

static const unsigned char store_js[] = {
#embed "store.js"
};

static const unsigned char picker_js[] = {
#embed "picker.js"
};

static const unsigned char settings_js[] = {
#embed "settings.js"
};

static const unsigned char gallery_js[] = {
#embed "gallery.js"
};

static const unsigned char job_js[] = {
#embed "job.js"
};

static const unsigned char page_js[] = {
#embed "page.js"
};

static const struct embedded_page_file files[] = {
    {"page.html", page_html, sizeof page_html},    {"page.css", page_css, sizeof page_css},
    {"server.js", server_js, sizeof server_js},    {"store.js", store_js, sizeof store_js},
    {"picker.js", picker_js, sizeof picker_js},    {"settings.js", settings_js, sizeof settings_js},
    {"gallery.js", gallery_js, sizeof gallery_js}, {"job.js", job_js, sizeof job_js},
    {"page.js", page_js, sizeof page_js},
};

const struct embedded_page_file *const embedded_page_files = files;
const size_t embedded_page_file_count = sizeof files / sizeof *files;
