const char *profile_mode_name(int mode);
__attribute__((weak)) const char *profile_mode_name(int mode) {
    static const char *const names[] = {"tasks", "running", "cpu", "gil", "threads"};
    return names[mode];
}
