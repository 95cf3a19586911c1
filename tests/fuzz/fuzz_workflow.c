/* A workflow file. */
#include "relay/github/workflow_file.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct workflow_file *w)
{
    (void)workflow_file_shows_relay_id(w);
    for (size_t i = 0; i < w->n_inputs; i++) {
        const struct workflow_input *input = &w->inputs[i];
        assert(workflow_file_input(w, input->name) != NULL);
        assert(input->type != NULL && (input->choices != NULL || input->n_choices == 0));
        for (size_t k = 0; k < input->n_choices; k++)
            assert(workflow_input_refuses(input, input->choices[k]) == NULL);
        (void)workflow_input_refuses(input, "true");
        (void)workflow_input_refuses(input, "");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_p) char *text = fuzz_text(data, size);
    SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
    struct error err = {0};
    if (workflow_file_read(&w, text, size, &err) == 0)
        check(w);
    else
        assert(w == NULL && err.text[0] != '\0');
    return 0;
}
