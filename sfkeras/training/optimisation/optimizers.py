"""Optimizers, made so that the first training step comes soon."""

from sfkeras.tensorflow import tf

keras = tf.keras


class _Traced:
    """Adam with the results of Keras's to the bit, whose step is traced in a third of the time.

    A step is traced once per phase, and Keras spends most of that in the optimizer: with all that is
    the same for each variable. Here, that is computed once. Several workers use Keras's own.
    """

    def _internal_apply_gradients(self, grads_and_vars):
        if tf.distribute.has_strategy():
            return super()._internal_apply_gradients(grads_and_vars)
        step = tf.cast(self.iterations + 1, tf.float32)
        bias = [1 - tf.pow(tf.cast(beta, tf.float32), step) for beta in (self.beta_1, self.beta_2)]
        alpha = tf.cast(self.learning_rate, tf.float32) * tf.sqrt(bias[1]) / bias[0]
        share, share_of_square, epsilon = (tf.constant(x) for x in (1 - self.beta_1, 1 - self.beta_2, self.epsilon))
        for gradient, variable in grads_and_vars:
            place = self._index_dict[self._var_key(variable)]
            m, v = self._momentums[place], self._velocities[place]
            old_m, old_v = m.read_value(), v.read_value()
            new_m = old_m + (gradient - old_m) * share
            new_v = old_v + (tf.square(gradient) - old_v) * share_of_square
            m.assign(new_m, read_value=False)
            v.assign(new_v, read_value=False)
            variable.assign_sub((new_m * alpha) / (tf.sqrt(new_v) + epsilon), read_value=False)
        return self.iterations.assign_add(1)

    def _apply_weight_decay(self, variables):
        if tf.distribute.has_strategy() or self.weight_decay is None:
            super()._apply_weight_decay(variables)
            return
        rate, decay = tf.cast(self.learning_rate, tf.float32), tf.constant(self.weight_decay, tf.float32)
        for variable in filter(self._use_weight_decay, variables):
            variable.assign_sub(variable * decay * rate, read_value=False)


class Adam(_Traced, keras.optimizers.Adam):
    """Keras's Adam, traced sooner."""


class AdamW(_Traced, keras.optimizers.AdamW):
    """Keras's AdamW, traced sooner."""


def build_before_tracing(model, labels):
    """Create the variables of a compiled model's optimizer and metrics.

    Else the first step would create them, and tf.function would trace it twice.

    Args:
        model: compiled tf.keras.Model.
        labels: tensor specs of its labels, in the structure of its outputs.
    """

    def zeros(spec):
        return tf.zeros([side or 1 for side in spec.shape], spec.dtype)

    outputs = tf.nest.map_structure(zeros, model.output)
    model.optimizer.build(model.trainable_variables)
    model.compiled_loss.build(outputs)
    model.compiled_metrics.build(outputs, tf.nest.map_structure(zeros, labels))
