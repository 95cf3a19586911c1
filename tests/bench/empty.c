/* An empty program with the relay's libraries: what a start costs before the first line of ours. */
int main(void)
{
    return 0;
}
