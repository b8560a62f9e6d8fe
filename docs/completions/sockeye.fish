# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sockeye_global_optspecs
    string join \n h/help V/version
end

function __fish_sockeye_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sockeye_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sockeye_using_subcommand
    set -l cmd (__fish_sockeye_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sockeye -n "__fish_sockeye_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_needs_command" -s V -l version -d 'Print version'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "send" -d 'Send files and directories: prints a code for the other machine'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "receive" -d 'Receive what another machine sends: takes its code'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "recv" -d 'Receive what another machine sends: takes its code'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "peers" -d 'List the machines that announce themselves on this network'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "trust" -d 'List, rename or forget the machines that are remembered'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "demo" -d 'Move a picture between processes of this machine, over real sockets, and verify it'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "generate" -d 'Write man pages, completions and the help texts into a directory'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l exclude -d 'Leave out what matches this pattern, by name or by path (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l to -d 'Go to a machine that runs `sockeye receive --listen`, instead of waiting for one to come' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l code -d 'Use this code instead of a random one; with --to HOST, the code shown there' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s o -l output -l out -d 'Directory to write into (default: the current one); `-` writes a single file to standard output' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l max-size -d 'Refuse offers of more bytes than this, like 500M or 4GiB' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l listen -d 'Wait for the sender instead of going to it: prints a code for `sockeye send --to`'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l keep -d 'Go on receiving from remembered machines until interrupted; implies --listen'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l pair -d 'With --keep: also show a code, good for ten minutes, so that a new machine can come'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l overwrite -d 'Put the new file in the place of one that is here and differs'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l rename -d 'Write the new file beside one that is here and differs, as `name (2)`'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l skip -d 'Leave files that are here alone, without counting that as a failure'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l portable-names -d 'Refuse names that some other system could not hold'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s o -l output -l out -d 'Directory to write into (default: the current one); `-` writes a single file to standard output' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l max-size -d 'Refuse offers of more bytes than this, like 500M or 4GiB' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l listen -d 'Wait for the sender instead of going to it: prints a code for `sockeye send --to`'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l keep -d 'Go on receiving from remembered machines until interrupted; implies --listen'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l pair -d 'With --keep: also show a code, good for ten minutes, so that a new machine can come'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l overwrite -d 'Put the new file in the place of one that is here and differs'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l rename -d 'Write the new file beside one that is here and differs, as `name (2)`'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l skip -d 'Leave files that are here alone, without counting that as a failure'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l portable-names -d 'Refuse names that some other system could not hold'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -l wait -d 'How long to listen, like 5s (default: 2s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "list" -d 'List the remembered machines (also what `sockeye trust` alone does)'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "rename" -d 'Call a remembered machine something else'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "remove" -d 'Forget a machine: it needs a code again'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from list" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from rename" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from remove" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -s o -l output -d 'Put the pictures into this directory, which is made (default: a new one among the temporary files)' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -l json -d 'Write one line of JSON for each step'
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand generate" -s h -l help -d 'Print help'
