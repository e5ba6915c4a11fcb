;; A stage of one's own, by hand: drops frames that were shorter on the wire than the first word of the parameters says,
;; for a reason of its own. The numbers are those of docs/own-stages.md.
(module
  (import "env" "memory" (memory 1 65536 shared))
  (import "frameferry" "drop" (func $drop (param $descriptor i32) (param $reason i32) (param $counters i32)))
  (func (export "run")
    (param $descriptor i32) (param $count i32) (param $parameters i32) (param $state i32) (param $counters i32)
    (local $end i32)
    (local.set $end
      (i32.add (local.get $descriptor) (i32.mul (local.get $count) (i32.const 32)))) ;; DESCRIPTOR_LENGTH
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $descriptor) (local.get $end)))
        (if
          (i32.and
            (i32.eqz (i32.load8_u offset=16 (local.get $descriptor))) ;; DESCRIPTOR_VERDICT: it goes on
            (i32.lt_u
              (i32.load offset=8 (local.get $descriptor)) ;; DESCRIPTOR_WIRE_LENGTH
              (i32.load (local.get $parameters))))
          (then
            (call $drop
              (local.get $descriptor)
              (i32.load (i32.sub (local.get $parameters) (i32.const 4))) ;; the first reason of its own
              (local.get $counters))))
        (local.set $descriptor (i32.add (local.get $descriptor) (i32.const 32)))
        (br $next)))))
